"""Paths of the pages of the catalogue."""

from django.urls import path

from markets import views

app_name = "data"
urlpatterns = [
    path("", views.index, name="index"),
    path("ask/", views.ask, name="ask"),
    path("upload/", views.upload, name="upload"),
    path("jobs.json", views.job_state, name="jobs"),
    path("jobs/<int:pk>/file/", views.job_file, name="job_file"),
    path("tapes/<str:name>/", views.tape, name="tape"),
]
