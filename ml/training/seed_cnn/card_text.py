"""Texts of the model card of ``seed-cnn``."""

from __future__ import annotations

from ml.evaluation.card_builder import CardText
from ml.model_card.description import DataSource

SUMMARY = (
    "A small convolutional network trained from scratch on 288 films to tell frontal chest films of adults with "
    "COVID-19 from films of healthy small children. It repeats an educational project faithfully, its mistakes "
    "left out, and serves as the reference that better models are measured against."
)

INTENDED_USE = "Teaching and research: how a good number on two sources comes about, and what it is worth elsewhere."

NOT_FOR = (
    "Diagnosis, triage or any other clinical decision.",
    "Ruling COVID-19 in or out in any person.",
    "Films of hospitals it was not trained on: see the numbers on other sources.",
    "Lateral films, CT slices, photographs of films, other body parts.",
)

LIMITS = (
    "Source tells the label: every COVID-19 film comes from one collection and every other film from another, so "
    "the network may tell the collections apart rather than the disease.",
    "Age tells the label: the COVID-19 films are of adults, the others of children aged 1 to 5.",
    "Other pneumonias are not among the films it was trained on; it has never had to tell them from COVID-19.",
    "72 test films: the intervals are wide.",
    "Films are stretched to a square; it never saw their true proportions.",
)

DATA_SOURCES = (
    DataSource(
        name="covid-chestxray-dataset",
        use="COVID-19, X-ray, view PA",
        citation="Cohen et al., COVID-19 Image Data Collection: Prospective Predictions Are the Future, 2020",
        licence="per image, as its metadata say",
    ),
    DataSource(
        name="chest_xray",
        use="healthy children",
        citation="Kermany et al., Identifying Medical Diagnoses and Treatable Diseases by Image-Based Deep "
        "Learning, Cell 2018",
        licence="CC BY 4.0",
    ),
)

CARD_TEXT = CardText(
    name="seed-cnn",
    title="Seed CNN, the educational project's network",
    summary=SUMMARY,
    intended_use=INTENDED_USE,
    not_for=NOT_FOR,
    limits=LIMITS,
    sources=DATA_SOURCES,
)
