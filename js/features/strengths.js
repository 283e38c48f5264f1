// What a feature is multiplied by, as in widgets/features/traits.py, and what it is called.

export const STRENGTHS = [0, 0.5, 1, 2, 4, 8];

/** @param {number} strength */
export const strengthName = (strength) => (strength === 0 ? "off" : strength === 1 ? "as it is" : strength === 0.5 ? "½" : `× ${strength}`);
