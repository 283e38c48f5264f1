"""RelevanceMaps: what an answer rests on."""
