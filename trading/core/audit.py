"""The settlement auditor: what a window settled on, against both readings of the sixty seconds before its close."""
