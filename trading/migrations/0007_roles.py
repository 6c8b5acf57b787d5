"""The groups Operators and Risk officers."""

from django.db import migrations

from trading import roles


def make(apps, editor):
    roles.make(apps)


def unmake(apps, editor):
    roles.unmake(apps)


class Migration(migrations.Migration):

    dependencies = [
        ("trading", "0006_double_entry"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make, unmake)]
