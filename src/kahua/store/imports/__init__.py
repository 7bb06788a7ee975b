"""Whatever people have, brought in by its content: folders, archives, DICOM and NIfTI."""
