"""Other DICOM applications: how they are asked, fetched from and sent to."""
