"""Model cards, the data card and their page: what they say is in the tables, and what is unknown is said to be."""

from __future__ import annotations

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from ruamel.yaml import YAML
from support.browser import faults
from support.cards import DRAWN, KERMANY, OTHER, finished_study

from pneumo_utils.reporting import (
    card_facts,
    card_markdown,
    cards_page,
    checklists,
    data_card,
    model_card,
    network_facts,
)

SECTIONS = (
    "Release", "Intended use", "Out of scope", "Training data", "Model", "Performance", "Key metrics", "Limitations",
    "Warnings", "Ethical considerations", "Maintenance", "Resources", "Bibliography", "Contact",
)  # fmt: skip
CHAI = {  # field of the Applied Model Card, schema 0.2, with what stands for it on the card
    "ModelName": "\n# ", "ModelDeveloper": "Developer and contact:", "DeveloperContact": "Developer and contact:",
    "ReleaseStage": "Stage:", "ReleaseDate": "Release date:", "ReleaseVersion": "Release version:",
    "GlobalAvailability": "Availability:", "EHRCompatibility": "Compatibility with electronic health records:",
    "RegulatoryApproval": "Regulatory approval:", "Summary": "it gives a chest radiograph a probability",
    "Keywords": "Keywords:", "IntendedUseAndWorkflow": "- Use:", "PrimaryIntendedUsers": "- Users:",
    "HowToUse": "- How:", "TargetedPatientPopulation": "- Population:",
    "CautionedOutOfScopeSettings": "## Out of scope",
    "KnownRisksAndLimitations": "## Limitations", "KnownBiasesOrEthicalConsiderations": "## Ethical considerations",
    "ClinicalRiskLevel": "Clinical risk level:", "OutcomesAndOutputs": "Output:", "ModelType": "- Type:",
    "FoundationModels": "- Start:", "InputDataSource": "## Training data", "OutputAndInputDataTypes": "Input:",
    "DevelopmentDataCharacterization": "## Training data", "BiasMitigationApproaches": "against bias",
    "OngoingMaintenance": "## Maintenance", "Security": "Security:", "Transparency": "Licence:",
    "FundingSource": "Funding and interests:", "ThirdPartyInformation": "Third parties:",
    "StakeholdersConsulted": "was consulted", "UsefulnessUsabilityEfficacy": "### Usefulness, usability and efficacy",
    "FairnessEquity": "### Fairness and equity", "SafetyReliability": "### Safety and reliability",
    "EvaluationReferences": "- Evaluation:", "ClinicalTrial": "Clinical trial:",
    "PeerReviewedPublications": "Peer-reviewed publication of this network:", "ReimbursementStatus": "Reimbursement:",
    "PatientConsentOrDisclosure": "Patient consent or disclosure:", "Bibliography": "## Bibliography",
}  # fmt: skip
OF_A_METRIC = {
    "MetricGoal": "- Goal:", "Results": "- Results:", "Interpretation": "- Interpretation:",
    "TestType": "- Type of test:", "TestingDataDescription": "- Testing data:",
    "ValidationProcessAndJustification": "- Validation process and justification:",
}  # fmt: skip


@pytest.fixture(scope="module", params=[KERMANY, DRAWN, OTHER])
def study(request, tmp_path_factory):
    return finished_study(tmp_path_factory.mktemp("reports"), request.param)


def of_data(store, study) -> str:
    return data_card.of_facts(store, card_facts.of_study(store, study))


def header(card: str) -> dict:
    return YAML(typ="safe").load(card.split("---\n")[1])


def test_the_header_of_a_model_card_holds_what_hugging_face_reads(study):
    found = header(model_card.model_card(*study, "cnn"))
    assert (found["license"], found["library_name"]) == ("mit", "keras")
    assert found["pipeline_tag"] == "image-classification" and "not-a-medical-device" in found["tags"]
    result = found["model-index"][0]["results"][0]
    assert {"type", "name"} <= set(result["task"]) and {"type", "name", "split"} <= set(result["dataset"])
    auc = next(one for one in result["metrics"] if one["type"] == "roc_auc")
    assert auc["value"] == 0.971 and auc["name"] == "roc_auc (95% interval 0.951–0.991, n = 40)"


def test_a_metric_that_is_not_defined_is_left_out_of_the_header(tmp_path):
    store, study = finished_study(tmp_path, KERMANY)
    rates = store.read("seed_spread")
    rates.loc[rates["metric"] == "precision", ["mean", "lower", "upper"]] = None
    store.write("seed_spread", rates)
    card = model_card.model_card(store, study, "cnn")
    assert "precision" not in [one["type"] for one in header(card)["model-index"][0]["results"][0]["metrics"]]
    assert "| Precision | not defined | 40 |" in card


def test_a_model_card_has_every_section(study):
    card = model_card.model_card(*study, "cnn")
    assert [line[3:] for line in card.split("\n") if line.startswith("## ")] == list(SECTIONS)
    assert "| AUC-ROC | 0.971 (0.951–0.991) | 40 |" in card and "| viral | 0.900 (0.800–1.000) | 40 | 30 |" in card


def test_a_model_card_has_every_field_of_the_applied_model_card(study):
    card = model_card.model_card(*study, "cnn")
    assert [field for field, words in CHAI.items() if words not in card] == []
    metrics = card.partition("## Key metrics")[2].partition("\n## ")[0].split("\n### ")[1:]
    assert len(metrics) == 3
    for one in metrics:
        assert [field for field, words in OF_A_METRIC.items() if one.count(f"\n{words} ") != 1] == []
        assert all(len(line) >= 20 for line in one.split("\n") if line.startswith("- ")), "nothing is left empty"
    assert "AUC-ROC 0.971 (0.951–0.991)" in metrics[0]
    gate = (
        "the gate refuses 0 of 2 normal radiographs and 0 of 2 radiographs with pneumonia of the test part, "
        "39 of 40 pictures of kinds it has learned from and"
    )
    assert f"{gate} 28 of 30 pictures of kinds it never saw" in metrics[2]


def test_a_network_that_the_study_does_not_have_is_refused(study):
    with pytest.raises(ValueError, match="model must be a network of the study, got 'resnet50'"):
        model_card.model_card(*study, "resnet50")


def test_a_card_of_drawn_radiographs_says_so_first_and_names_no_hospital(tmp_path):
    store, study = finished_study(tmp_path, DRAWN)
    for card in (model_card.model_card(store, study, "cnn"), of_data(store, study)):
        first = card.split("\n# ")[-1].split("\n\n")[1]
        assert "rawn" in first and "child" in first and "Guangzhou" not in card


def test_every_number_of_a_network_is_that_of_its_metric(study):
    facts = card_facts.of_study(*study)
    assert facts["auc"] == "Small CNN 0.971 (0.951–0.991); n = 40"
    assert facts["rates"] == "Small CNN 0.941 (0.921–0.961) and 0.921 (0.901–0.941); n = 40"
    assert facts["calibration"] == "Small CNN 0.041 (0.021–0.061); n = 40"
    assert facts["brier"] == "Small CNN 0.081 (0.061–0.101); n = 40"
    assert facts["acquisition"] == "0.961 (0.941–0.981)"


def test_patients_are_apart_only_where_all_are_known_and_none_is_on_both_sides(tmp_path):
    store, study = finished_study(tmp_path, KERMANY)
    apart, splits = card_facts.of_study(store, study), store.read("splits")
    shared = splits["patient"].mask(splits["patient"] == "test-0", "train-0")
    store.write("splits", splits.assign(patient=shared))
    mixed = card_facts.of_study(store, study)
    store.write("splits", splits.assign(patient=splits["patient"].mask(splits.index == 0, splits["path"])))
    unknown = card_facts.of_study(store, study)
    said = [(one["apart"], one["shared"]) for one in (apart, mixed, unknown)]
    assert said == [("answered", 0), ("partly", 1), ("partly", 0)]


def test_what_a_network_is_worth_is_told_with_its_threshold_and_what_it_refers(tmp_path):
    store, study = finished_study(tmp_path, KERMANY)
    facts = network_facts.of_network(store, study, "cnn")
    assert facts["thresholds"] == "0.457"
    assert facts["referral"] == (
        "Within 0.50 logits of the operating point it is unsure. It then decides 90.0% of the test radiographs and "
        "errs in 0.010 (0.000–0.020) of those (n = 36)."
    )
    band = store.read("referral_band")
    store.write("referral_band", band.assign(n=0, coverage=0.0))
    assert network_facts.of_network(store, study, "cnn")["referral"].endswith(
        "of the test radiographs: all are referred."
    )
    store.write("referral_band", band.assign(band=float("inf")))
    assert network_facts.of_network(store, study, "cnn")["referral"].startswith("No band on validation keeps")
    one = store.read("operating_points")
    store.write("operating_points", pd.concat([one, one.assign(seed=7, threshold=0.61)], ignore_index=True))
    assert network_facts.of_network(store, study, "cnn")["thresholds"] == "0.457 (seed 0) and 0.610 (seed 7)"


def test_cards_tell_of_a_change_that_spoils_decisions_though_the_order_of_patients_stays(tmp_path):
    store, study = finished_study(tmp_path, KERMANY)
    hard = store.read("perturbed_performance")
    blurred = hard[hard["perturbation"] == "noise"].assign(perturbation="blur", strength=0.02, auc=0.93, specificity=0)
    blurred = blurred.assign(specificity_lower=0, specificity_upper=0.2)
    store.write("perturbed_performance", pd.concat([hard, blurred], ignore_index=True))
    card, answers = (
        model_card.model_card(store, study, "cnn"),
        checklists.answers("claim", card_facts.of_study(store, study)),
    )
    for told in (*(line for line in card.split("\n") if "noise" in line), answers.set_index("item")["answer"]["30"]):
        assert "AUC-ROC 0.900 (0.800–0.950)" in told and "specificity 0.000 (0.000–0.200) (n = 40)" in told


def test_a_worst_change_that_harms_nothing_is_said_to_harm_nothing(tmp_path):
    store, study = finished_study(tmp_path, KERMANY)
    hard = store.read("perturbed_performance")
    for change, share, said in ((-0.1, 0.2, False), (0.0, 0.0, True)):
        store.write("perturbed_performance", hard.assign(auc_change=change, flip_rate=share))
        card = model_card.model_card(store, study, "cnn")
        assert (", no lower than as it is" in card) == (", no decision changed (n = 40)" in card) == said


def test_what_is_of_one_seed_says_so_beside_means_over_several(tmp_path):
    store, study = finished_study(tmp_path, KERMANY)
    several = study.model_copy(update={"training": study.training.model_copy(update={"seeds": [0, 1]})})
    for asked, seeds, times in ((study, 1, 0), (several, 2, 2)):
        store.write("seed_spread", store.read("seed_spread").assign(seeds=seeds, sd=0.01))
        card, answers = model_card.model_card(store, asked, "cnn"), card_facts.of_study(store, asked)
        told = checklists.answers("claim", answers).set_index("item")["answer"][["30", "31"]].str.cat()
        assert (card.count(", first seed: ") + card.count("n = 40, first seed)"), told.count(", first seed)")) == (
            times,
        ) * 2
        assert card.count("With the first seed: Within 0.50 logits") == times / 2


def test_what_files_betray_is_told_in_the_words_of_the_audit(tmp_path):
    store, study = finished_study(tmp_path, KERMANY)
    audit = store.read("acquisition_audit").assign(upper=0.99)
    rows = [audit.assign(property="corners", auc=0.95), audit, audit.assign(property="together", auc=0.99)]
    store.write("acquisition_audit", pd.concat(rows, ignore_index=True))
    assert card_facts.of_study(store, study)["betrayed"] == (
        "white in corners alone, AUC 0.950 (0.800–0.990); a forest on all but bytes per pixel, without a "
        "lung, 0.990 (0.800–0.990) (n = 40 of the training folder)"
    )


def test_a_property_without_a_value_gives_no_class_away(tmp_path):
    store, parameters = finished_study(tmp_path, DRAWN)
    audit = store.read("acquisition_audit")
    odd = audit.iloc[:1].assign(
        property="jpeg_quality", part="train", auc=float("nan"), lower=float("nan"), upper=float("nan")
    )
    store.write("acquisition_audit", pd.concat([odd, audit, odd.assign(property="mode")], ignore_index=True))
    card = of_data(store, parameters)
    assert "not defined" not in card and "JPEG quality alone" not in card


def test_the_data_card_counts_radiographs_and_patients_of_every_split(study):
    card = of_data(*study)
    assert "| split | normal | bacterial | viral | all |" in card
    assert "| train | 3 (3) | 2 (2) | 1 (1) | 6 (6) |" in card and "| all | 7 (7) | 4 (4) | 3 (3) | 14 (14) |" in card
    assert "| not an image | 1 |" in card


def test_only_the_published_set_is_given_its_source_and_licence(study):
    store, parameters = study
    card = of_data(store, parameters)
    assert ("10.17632/rscbjbr9sj.2" in card and "CC BY 4.0" in card) == ("Kermany" in card)
    assert ("Kermany" in card) == (
        parameters.data.source == "folder" and store.read("manifest")["number"].notna().all()
    )


def test_text_from_outside_stays_text():
    nasty = "<script>alert(1)</script> | *a* [b](c) `d`"
    html = card_markdown.page_html(f"# x\n\n## y\n\n{card_markdown.plain(nasty)}\n", level=3, prefix="p")
    soup = BeautifulSoup(html, "html.parser")
    assert soup.p.get_text() == nasty and soup.find(["script", "a", "em", "code"]) is None
    assert soup.h3["id"] == "p-y" and soup.h1 is None


def test_a_table_of_a_card_becomes_one_of_the_page():
    told = card_markdown.table(pd.DataFrame({"a|b": ["x"], "n": [1341]}), "Counts (n = 1)")
    soup = BeautifulSoup(card_markdown.page_html(told, level=3, prefix="p"), "html.parser")
    assert soup.caption.span.string == "Counts (n = 1)" and soup.tbody.th["scope"] == "row"
    assert [cell.get_text() for cell in soup.find_all(["th", "td"])] == ["a|b", "n", "x", "1,341"]
    assert soup.td["class"] == ["number"] and soup.div["class"] == ["table-scroll"]


def test_the_page_folds_every_card_and_list_and_tells_what_is_in_it(study):
    page = cards_page.write_page(*study, ["A notice."])
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    folded = [summary.get_text() for summary in soup.select("details > summary")]
    assert len(folded) == 5 and not soup.select("details[open]")
    assert "no external test" in folded[0] and all("not done" in text for text in folded[2:])
    ids = [one["id"] for one in soup.select("[id]")]
    assert len(ids) == len(set(ids)) and {"model-cards", "data-card", "checklists"} <= set(ids)
    for link in soup.select("a[download]"):
        assert (page.parent / link["href"]).read_text(encoding="utf-8").strip()


def test_the_same_study_gives_the_same_page(tmp_path):
    store, study = finished_study(tmp_path, KERMANY)
    assert len({cards_page.write_page(store, study, []).read_bytes() for _ in range(2)}) == 1


@pytest.mark.long
@pytest.mark.slow
def test_the_page_is_faultless_in_a_browser(browser, tmp_path):
    page = cards_page.write_page(*finished_study(tmp_path, KERMANY), ["A notice."])
    dead = "dead link: "  # the other pages of the study are not there: `test_checklists` asks whether links hold
    assert [fault for fault in faults(page.parent, browser) if dead not in fault] == []
