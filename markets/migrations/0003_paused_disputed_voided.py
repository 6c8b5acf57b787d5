from django.db import migrations, models


class Migration(migrations.Migration):
    """A market may pause, be disputed, or be voided: then it pays in between."""

    dependencies = [
        ('markets', '0002_tape_files'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='market',
            name='market_status_known',
        ),
        migrations.RemoveConstraint(
            model_name='market',
            name='market_result_known',
        ),
        migrations.RemoveConstraint(
            model_name='market',
            name='market_settled_with_a_result',
        ),
        migrations.AddField(
            model_name='market',
            name='yes_pays',
            field=models.IntegerField(blank=True, help_text='1/10 000 dollar a YES contract, where the result is scalar', null=True),
        ),
        migrations.AlterField(
            model_name='market',
            name='result',
            field=models.CharField(blank=True, choices=[('yes', 'Yes'), ('no', 'No'), ('scalar', 'Scalar')], default='', max_length=6),
        ),
        migrations.AlterField(
            model_name='market',
            name='status',
            field=models.CharField(choices=[('open', 'Open'), ('paused', 'Paused'), ('closed', 'Closed'), ('disputed', 'Disputed'), ('settled', 'Settled')], default='open', max_length=8),
        ),
        migrations.AddConstraint(
            model_name='market',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['open', 'paused', 'closed', 'disputed', 'settled'])), name='market_status_known'),
        ),
        migrations.AddConstraint(
            model_name='market',
            constraint=models.CheckConstraint(condition=models.Q(('result__in', ['', 'yes', 'no', 'scalar'])), name='market_result_known'),
        ),
        migrations.AddConstraint(
            model_name='market',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('result__in', ['yes', 'no', 'scalar']), ('status', 'settled')), models.Q(models.Q(('status', 'settled'), _negated=True), ('result', '')), _connector='OR'), name='market_settled_with_a_result'),
        ),
        migrations.AddConstraint(
            model_name='market',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('result', 'scalar'), ('yes_pays__gte', 0), ('yes_pays__isnull', False), ('yes_pays__lte', 10000)), models.Q(models.Q(('result', 'scalar'), _negated=True), ('yes_pays__isnull', True)), _connector='OR'), name='market_scalar_pays_within_a_dollar'),
        ),
    ]
