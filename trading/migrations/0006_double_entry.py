from django.db import migrations, models

from trading.backfill import backfill


def entries_of_the_past(apps, editor):
    """Accounts that traded before there were entries get theirs."""
    backfill(apps)


class Migration(migrations.Migration):
    """Entries for what was traded before; and what a person says of a discrepancy."""

    dependencies = [
        ('trading', '0005_orders'),
    ]

    operations = [
        migrations.AddField(
            model_name='discrepancy',
            name='account',
            field=models.CharField(blank=True, default='', max_length=64),
        ),
        migrations.AddField(
            model_name='discrepancy',
            name='closed_by',
            field=models.CharField(blank=True, default='', help_text='empty: it added up again', max_length=150),
        ),
        migrations.AddField(
            model_name='discrepancy',
            name='closed_reason',
            field=models.TextField(blank=True, default=''),
        ),
        migrations.AddField(
            model_name='discrepancy',
            name='detail',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='discrepancy',
            name='is_accepted',
            field=models.BooleanField(default=False),
        ),
        migrations.AddIndex(
            model_name='ledgerentry',
            index=models.Index(fields=['account', 'ticker'], name='entry_by_market'),
        ),
        migrations.RunPython(entries_of_the_past, migrations.RunPython.noop),
    ]
