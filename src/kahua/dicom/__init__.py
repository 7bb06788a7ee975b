"""The component `dicom`."""
