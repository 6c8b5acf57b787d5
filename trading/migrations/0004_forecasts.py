import django.core.serializers.json
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from trading import append_only


class Migration(migrations.Migration):
    """The forecast record, what is fitted on it, and its settings. Earlier versions go on as they were: one half-life, no
    map, no pooling, no exit."""

    dependencies = [
        ('trading', '0003_voided'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(append_only.release, append_only.protect),  # SQLite rebuilds the tables, without triggers
        migrations.CreateModel(
            name='Announcement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('multiplier', models.FloatField(help_text='of the variance: 4 doubles the volatility')),
                ('assets', models.CharField(blank=True, default='', help_text='BTC, ETH; empty means all', max_length=80)),
                ('is_withdrawn', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                'ordering': ['-starts_at'],
            },
        ),
        migrations.CreateModel(
            name='FittedArtefact',
            fields=[
                ('version', models.BigAutoField(primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('account', models.CharField(help_text='whose forecasts it was fitted on', max_length=64)),
                ('kind', models.CharField(choices=[('calibration', 'calibration'), ('pooling', 'pooling'), ('tails', 'tails'), ('volatility', 'volatility'), ('seasonality', 'seasonality')], max_length=16)),
                ('variety', models.CharField(blank=True, default='', help_text='of a calibration map: platt, beta, isotonic', max_length=16)),
                ('group', models.CharField(max_length=16)),
                ('least_s', models.FloatField()),
                ('most_s', models.FloatField(help_text='NULL: no end', null=True)),
                ('windows', models.IntegerField()),
                ('first_ns', models.BigIntegerField()),
                ('through_ns', models.BigIntegerField()),
                ('payload', models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ('report', models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder)),
            ],
            options={
                'ordering': ['-version'],
            },
        ),
        migrations.CreateModel(
            name='Forecast',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.CharField(max_length=64)),
                ('ticker', models.CharField(max_length=64)),
                ('asset', models.CharField(max_length=16)),
                ('close_ns', models.BigIntegerField()),
                ('seconds_left', models.IntegerField(help_text='the time before the close it is for')),
                ('event_ns', models.BigIntegerField(help_text='when it was made')),
                ('reason', models.CharField(blank=True, default='', help_text='why there is no probability', max_length=32)),
                ('fair', models.FloatField(help_text='by the configured model', null=True)),
                ('calibrated', models.FloatField(help_text='after the calibration map in force', null=True)),
                ('pooled', models.FloatField(help_text='after pooling with the market: what is traded on', null=True)),
                ('digital', models.FloatField(null=True)),
                ('abm_avg', models.FloatField(null=True)),
                ('gbm_avg', models.FloatField(null=True)),
                ('gbm_avg_t', models.FloatField(null=True)),
                ('gbm_avg_mix', models.FloatField(null=True)),
                ('gbm_avg_emp', models.FloatField(null=True)),
                ('bid', models.IntegerField()),
                ('ask', models.IntegerField()),
                ('bid_count', models.BigIntegerField()),
                ('ask_count', models.BigIntegerField()),
                ('book_age_ns', models.BigIntegerField(null=True)),
                ('strike', models.FloatField(null=True)),
                ('spot', models.FloatField(null=True)),
                ('spot_age_ns', models.BigIntegerField(null=True)),
                ('sigma', models.FloatField(help_text='annualised', null=True)),
                ('level_error', models.FloatField(null=True)),
                ('z', models.FloatField(null=True)),
                ('known', models.SmallIntegerField()),
                ('missing', models.SmallIntegerField()),
                ('is_official', models.BooleanField()),
                ('parameters_version', models.BigIntegerField()),
                ('fitted_versions', models.JSONField(default=list)),
                ('rates', models.JSONField(default=list, help_text='variance a second: fast, middle, slow; without the hours')),
            ],
            options={
                'ordering': ['-close_ns', 'ticker', '-seconds_left'],
            },
        ),
        migrations.CreateModel(
            name='SettlementAudit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.CharField(max_length=64)),
                ('ticker', models.CharField(max_length=64)),
                ('asset', models.CharField(max_length=16)),
                ('close_ns', models.BigIntegerField()),
                ('event_ns', models.BigIntegerField()),
                ('settle_value', models.CharField(max_length=40)),
                ('decimals', models.SmallIntegerField()),
                ('expected_decimals', models.SmallIntegerField()),
                ('result', models.CharField(max_length=6)),
                ('strike', models.FloatField(null=True)),
                ('configured', models.CharField(max_length=16)),
                ('open_right', models.FloatField(null=True)),
                ('closed_right', models.FloatField(null=True)),
                ('own', models.SmallIntegerField()),
                ('estimate', models.FloatField(null=True)),
                ('is_tie', models.BooleanField()),
                ('venues', models.JSONField(default=dict, help_text="each venue's own average of the same seconds")),
                ('methods', models.JSONField(default=dict, help_text="each price method's")),
            ],
            options={
                'ordering': ['-close_ns', 'ticker'],
            },
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='calibration',
            field=models.CharField(choices=[('off', 'off'), ('platt', 'platt'), ('beta', 'beta'), ('isotonic', 'isotonic')], default='off', max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='calibration_windows',
            field=models.IntegerField(default=300),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='cold_volatility_error',
            field=models.FloatField(default=0.35),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='drift',
            field=models.FloatField(default=0.0),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='edge_basis',
            field=models.CharField(choices=[('net', 'net'), ('gross', 'gross')], default='net', max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='exit_margin',
            field=models.FloatField(default=0.99),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='index_step_s',
            field=models.IntegerField(default=5),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='least_volatility',
            field=models.FloatField(default=0.1),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='mixture_narrow',
            field=models.FloatField(default=0.85),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='mixture_weight',
            field=models.FloatField(default=0.9),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='most_volatility',
            field=models.FloatField(default=4.0),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='pooling',
            field=models.CharField(choices=[('off', 'off'), ('fitted', 'fitted')], default='off', max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='pooling_weight',
            field=models.FloatField(default=0.25),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='pooling_windows',
            field=models.IntegerField(default=500),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='seasonality',
            field=models.BooleanField(default=False),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='settlement_failure',
            field=models.FloatField(default=0.0),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='settlement_window',
            field=models.CharField(choices=[('open_right', 'open_right'), ('closed_right', 'closed_right')], default='open_right', max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='volatility_fast_s',
            field=models.FloatField(default=300.0),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='volatility_forecast',
            field=models.CharField(choices=[('blend', 'blend'), ('single', 'single')], default='single', max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='volatility_slow_s',
            field=models.FloatField(default=14400.0),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name='strategyparameters',
            name='tails',
            field=models.CharField(choices=[('student_t', 'student_t'), ('normal', 'normal'), ('mixture', 'mixture'), ('empirical', 'empirical')], max_length=16),
        ),
        migrations.AddConstraint(
            model_name='strategyparameters',
            constraint=models.CheckConstraint(condition=models.Q(('pooling_weight__gte', 0), ('pooling_weight__lte', 1)), name='parameters_pooling_is_a_share'),
        ),
        migrations.AddField(
            model_name='announcement',
            name='author',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='fittedartefact',
            index=models.Index(fields=['account', 'kind', 'group', '-version'], name='artefact_newest'),
        ),
        migrations.AddConstraint(
            model_name='fittedartefact',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ('calibration', 'pooling', 'tails', 'volatility', 'seasonality'))), name='artefact_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='fittedartefact',
            constraint=models.CheckConstraint(condition=models.Q(('windows__gt', 0)), name='artefact_saw_windows'),
        ),
        migrations.AddConstraint(
            model_name='fittedartefact',
            constraint=models.CheckConstraint(condition=models.Q(('first_ns__lte', models.F('through_ns'))), name='artefact_span_forward'),
        ),
        migrations.AddField(
            model_name='forecast',
            name='session',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='forecasts', to='trading.tradingsession'),
        ),
        migrations.AddField(
            model_name='settlementaudit',
            name='session',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='audits', to='trading.tradingsession'),
        ),
        migrations.AddConstraint(
            model_name='announcement',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='announcement_ends_later'),
        ),
        migrations.AddConstraint(
            model_name='announcement',
            constraint=models.CheckConstraint(condition=models.Q(('multiplier__gt', 0), ('multiplier__lte', 1000)), name='announcement_multiplier_sensible'),
        ),
        migrations.AddIndex(
            model_name='forecast',
            index=models.Index(fields=['account', 'close_ns'], name='forecast_by_close'),
        ),
        migrations.AddConstraint(
            model_name='forecast',
            constraint=models.UniqueConstraint(fields=('account', 'ticker', 'seconds_left'), name='forecast_once'),
        ),
        migrations.AddConstraint(
            model_name='forecast',
            constraint=models.CheckConstraint(condition=models.Q(('ask__lte', 10000), ('bid__gte', 0)), name='forecast_prices_inside_a_dollar'),
        ),
        migrations.AddIndex(
            model_name='settlementaudit',
            index=models.Index(fields=['account', 'asset', 'close_ns'], name='audit_by_close'),
        ),
        migrations.AddConstraint(
            model_name='settlementaudit',
            constraint=models.UniqueConstraint(fields=('account', 'ticker'), name='audit_once'),
        ),
        migrations.RunPython(append_only.protect, append_only.release),
        migrations.RunPython(append_only.protect_record, append_only.release_record),
    ]
