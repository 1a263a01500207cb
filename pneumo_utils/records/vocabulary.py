"""The words that tables, parameters and pages share: classes, parts, networks, and how readers call them."""

LABELS = {"NORMAL": 0, "PNEUMONIA": 1}  # folder name -> label; 1 is the disease, as in every table
ETIOLOGIES = ("normal", "bacterial", "viral", "unknown")
PARTS = ("train", "val", "test")  # the folders of the published set
SPLITS = ("train", "validation", "test")  # what this study uses them for
MODELS = {"cnn": "Small CNN", "vgg16": "VGG16", "resnet50": "ResNet50"}  # every network, and how readers call it
ENSEMBLE = "ensemble"  # the model of the tables that is the mean of several
IMAGE_MODELS = MODELS | {ENSEMBLE: "Ensemble"}  # everything that looks at pictures
REFERENCES = {"always": "Always pneumonia", "acquisition": "No lungs: acquisition data alone"}  # to be beaten
TITLES = IMAGE_MODELS | REFERENCES
OUTCOMES = {  # (label, what was called) -> how readers call it
    (1, 1): "true positive",
    (0, 0): "true negative",
    (1, 0): "false negative",  # a pneumonia that was missed
    (0, 1): "false positive",
}
PHASES = {  # of a training, and how whoever waits is told of them
    "head": "the head",
    "top": "the top block",
    "progressive": "smaller pictures first",
    "end_to_end": "end to end",
}
ENGINES = ("keras", "onnx", "litert", "litert-int8")  # what runs the networks of a bundle
