"""Paths of the pages of studies."""

from django.urls import path

from backtests import studies_page as page

PATHS = [
    path("studies/", page.index, name="studies"),
    path("studies/new/<str:kind>/", page.new, name="study_new"),
    path("studies/<int:pk>/", page.detail, name="study"),
    path("studies/<int:pk>/state/", page.state, name="study_state"),
    path("studies/<int:pk>/cancel/", page.cancel, name="study_cancel"),
    path("studies/<int:pk>/resume/", page.resume, name="study_resume"),
    path("studies/<int:pk>/annotate/", page.annotate, name="study_annotate"),
    path("studies/<int:pk>/result.json", page.result_json, name="study_json"),
    path("studies/<int:pk>/trials/<int:number>/run/", page.trial_run, name="study_trial_run"),
]
