from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('backtests', '0004_runs_fill'),
    ]

    operations = [
        migrations.AddField(
            model_name='study',
            name='is_here',
            field=models.BooleanField(default=False, help_text='played by the command that made it: workers leave it alone'),
        ),
    ]
