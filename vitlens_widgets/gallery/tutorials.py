"""What hangs in the gallery: the main pictures of the tutorials."""

from __future__ import annotations

from vitlens_widgets.gallery import exhibits
from vitlens_widgets.gallery.pages import Exhibit


def tutorials() -> list[Exhibit]:
    """The main pictures of the tutorials."""
    return [
        Exhibit(
            "patch_grid",
            "What each patch answers",
            "The emoji logit lens: the model's own classifier, applied to every patch before every "
            "block. Drag through the states, pin a patch, look for another class.",
            "00_quickstart",
            exhibits.quickstart,
        ),
        Exhibit(
            "logit_lens",
            "One answer, read layer by layer",
            "The readout's answer through the states, the last of which is the model's own.",
            "01_logit_lens_classification",
            exhibits.classification,
        ),
        Exhibit(
            "infilling",
            "Filling in what is hidden",
            "What a masked autoencoder paints from each state of its encoder, with three quarters "
            "of the patches hidden; below, how near each state is.",
            "02_mae_infilling",
            exhibits.infilling,
        ),
        Exhibit(
            "segmentation",
            "A segmentation that nobody asked for",
            "Patches by their most probable class, in a scene of four things: the model was "
            "trained on names of whole images alone.",
            "03_emoji_logit_lens",
            exhibits.segmentation,
        ),
        Exhibit(
            "twin",
            "A twin that keeps it to itself",
            "The same scene and class for two models: one whose patches find the thing, and one "
            "trained through its CLS token alone. Linked: choose a state or a patch in either.",
            "03_emoji_logit_lens",
            exhibits.twins,
        ),
        Exhibit(
            "norms",
            "Which norm the lens uses",
            "The same states read with each state's own norm, and with that of the final state.",
            "03_emoji_logit_lens",
            exhibits.norms,
        ),
        Exhibit(
            "lenses",
            "What a tuned lens reads earlier",
            "The same states by the tuned lens and by the logit lens, on one scale, with the "
            "curves of both. Choose the lens, or their difference.",
            "vl.PatchGrid",
            exhibits.lenses,
        ),
        Exhibit(
            "heads",
            "Where every head looks",
            "All heads of all layers; choose one, pin a query, sort by a statistic.",
            "04_attention_head_tour",
            exhibits.heads,
        ),
        Exhibit(
            "same_object",
            "A head that stays on the thing",
            "The head whose weight stays most on the thing that it asks from, with what the lens "
            "reads at query and key.",
            "04_attention_head_tour",
            exhibits.same_object,
        ),
        Exhibit(
            "rollout",
            "From the answer back to the image",
            "Attention of all layers multiplied through, as seen from the CLS token.",
            "04_attention_head_tour",
            exhibits.rollout,
        ),
        Exhibit(
            "relevance",
            "What an answer rests on",
            "Which patches speak for two classes, in every head and in all, and how the answers "
            "go as patches are removed in that order. Point at a curve to see what is left.",
            "08_relevance_and_probes",
            exhibits.relevance,
        ),
        Exhibit(
            "causes",
            "What made an answer",
            "One scene with and without its cat: what each head, MLP and patch is worth between "
            "the two answers, by exchanging its value for real.",
            "vl.Causes",
            exhibits.causes,
        ),
        Exhibit(
            "cut_off",
            "Patches that may not look at one another",
            "Where the true class stands among all classes: with attention as it is, and with each "
            "patch attending to itself alone, in all blocks. Linked.",
            "06_class_embedding_space",
            exhibits.cut_off,
        ),
        Exhibit(
            "mlp_words",
            "What the MLPs say",
            "The lens on what each block's MLP adds, its value vectors together, instead of the "
            "stream.",
            "07_key_value_memories",
            exhibits.mlp_words,
        ),
        Exhibit(
            "decoded",
            "States and heads as pictures",
            "What a decoder paints of each state of an image, and of the readout with one head's "
            "contribution made stronger; beside it what stands for chance, and whether the "
            "pictures tell what a head is worth.",
            "10_images_from_states",
            exhibits.decoded,
        ),
        Exhibit(
            "neurons",
            "What makes a neuron fire",
            "Every neuron of three blocks by how well it tells a class, and one of them large: the "
            "images that it fires most on, a patch from each tenth of its activations, what it "
            "writes, and the answers with it turned down and up.",
            "vl.Features",
            exhibits.neurons,
        ),
        Exhibit(
            "features",
            "What patches are like, without a classifier",
            "The three main components of a masked autoencoder's patches as colours, and how like "
            "a pinned patch all others are, in every state and in other pictures.",
            "vl.PatchFeatures",
            exhibits.features,
        ),
        Exhibit(
            "taught",
            "Classes taught by clicking",
            "Nine clicks give the same model three classes; each click is left out in turn to see "
            "whether the others agree.",
            "vl.teach",
            exhibits.taught,
        ),
        Exhibit(
            "explorer",
            "Every view of one image",
            "Answers, attention and infilling of one scene, linked.",
            "vl.explore",
            exhibits.explorer,
        ),
    ]
