from django.db import migrations, models


class Migration(migrations.Migration):
    """What was paid where a market was voided."""

    dependencies = [
        ('trading', '0002_price_method'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='settlement',
            name='settlement_result_known',
        ),
        migrations.AddField(
            model_name='settlement',
            name='yes_pays',
            field=models.IntegerField(blank=True, help_text='1/10 000 dollar a YES contract, where the result is scalar', null=True),
        ),
        migrations.AlterField(
            model_name='settlement',
            name='result',
            field=models.CharField(choices=[('yes', 'yes'), ('no', 'no'), ('scalar', 'scalar: voided')], max_length=6),
        ),
        migrations.AddConstraint(
            model_name='settlement',
            constraint=models.CheckConstraint(condition=models.Q(('result__in', ['yes', 'no', 'scalar'])), name='settlement_result_known'),
        ),
        migrations.AddConstraint(
            model_name='settlement',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('result', 'scalar'), ('yes_pays__gte', 0), ('yes_pays__isnull', False), ('yes_pays__lte', 10000)), models.Q(models.Q(('result', 'scalar'), _negated=True), ('yes_pays__isnull', True)), _connector='OR'), name='settlement_scalar_pays_within_a_dollar'),
        ),
    ]
