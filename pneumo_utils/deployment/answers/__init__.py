"""What is written beside the table of scores, for people, a PACS and a record system.

Enters: a score and the radiograph it is about. Leaves: overlays, DICOM objects and FHIR resources.
"""
