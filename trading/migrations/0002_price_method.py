from django.db import migrations, models

from trading import append_only


class Migration(migrations.Migration):
    """How the price is made, and how late it may come. Versions from before were traded with the VWAP."""

    dependencies = [
        ('trading', '0001_initial'),
    ]

    operations = [
        migrations.RunPython(append_only.release, append_only.protect),  # SQLite rebuilds the table, without triggers
        migrations.AddField(
            model_name='strategyparameters',
            name='price_method',
            field=models.CharField(choices=[('fusion', 'fusion'), ('vwap', 'vwap'), ('median', 'median'), ('replica', 'replica')], default='vwap', max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='strategyparameters',
            name='late_spot_ns',
            field=models.BigIntegerField(default=3000000000),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name='strategyparameters',
            constraint=models.CheckConstraint(condition=models.Q(('late_spot_ns__gt', 0)), name='parameters_lateness_positive'),
        ),
        migrations.RunPython(append_only.protect, append_only.release),
    ]
