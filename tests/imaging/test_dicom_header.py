"""How old a child was when a DICOM file was made, and what the file is by its meta header."""

import math

import pytest
from pydicom.dataset import FileMetaDataset
from support.dicom_samples import dataset

from pneumo_utils.imaging import dicom_header
from pneumo_utils.imaging.image_files import ImageError

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR")  # of the samples, while they are made


def test_a_file_that_names_its_class_in_the_meta_header_alone_is_refused_by_that():
    made = dataset(SOPClassUID=None)
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    with pytest.raises(ImageError, match=r"got computed tomography \(SOP class\)$"):
        dicom_header.check_kind(made)


@pytest.mark.parametrize("born", ["20190306", "20170306"])  # with a 29 February before the first birthday, and without
def test_a_child_is_a_year_old_on_its_first_birthday_and_not_the_day_before(born):
    year = int(born[:4]) + 1
    for day, whole in ((f"{year}0305", False), (f"{year}0306", True)):
        age = dicom_header.age_of(dataset(PatientAge=None, PatientBirthDate=born, StudyDate=day))
        assert (age >= 1) == whole, day


def test_the_age_is_that_at_the_acquisition_whatever_later_dates_are_stored_with_it():
    later = {"ContentDate": "20190305", "SeriesDate": "20200305", "StudyDate": "20210305"}
    assert dicom_header.age_of(dataset(PatientAge=None, AcquisitionDate="20180305", **later)) == 1


@pytest.mark.parametrize("wrong", ["19000101", "00010101", "29991231", "00000000"])
def test_a_date_that_no_life_allows_hides_no_age(wrong):
    for born, age in (("19500306", 70), ("20170306", 3)):
        found = dicom_header.age_of(dataset(PatientAge=None, PatientBirthDate=born, AcquisitionDate=wrong))
        assert found == pytest.approx(age, abs=0.01), born


@pytest.mark.parametrize("born", ["1950", "195003", "19500000", "19500300", "19500230", "1950/03/06", "1950-03"])
def test_a_date_of_birth_without_its_day_tells_an_adult_all_the_same(born):
    assert 69 <= dicom_header.age_of(dataset(PatientAge=None, PatientBirthDate=born)) <= 70.01


@pytest.mark.parametrize(
    "born", ["2017", "201703", "20170000", "2017-03", "01.02.50", "19501", "1950 or so", "unclear"]
)
def test_of_a_child_a_date_of_birth_without_its_day_tells_no_age(born):
    assert math.isnan(dicom_header.age_of(dataset(PatientAge=None, PatientBirthDate=born)))
