// What pointing at a patch and clicking one mean. With "attends to" a patch is first a query, whose
// keys are seen; once a query is pinned, patches are taken as its keys. With "attended by" the other
// way round.

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("./scene.js").Pair} Pair */

/**
 * The pair that pointing at a token looks at.
 * @param {number} token
 * @param {Choices} choices
 * @returns {Pair}
 */
export function otherToken(token, { direction, token: query, key }) {
  if (direction === "to") return query === null ? { query: token, key: null } : { query: null, key: token };
  return key === null ? { query: null, key: token } : { query: token, key: null };
}

/**
 * What a click on a token pins, or lets go.
 * @param {number} token
 * @param {Choices} choices
 * @returns {Partial<Choices>}
 */
export function pinnedBy(token, { direction, token: query, key }) {
  const [anchor, other] = direction === "to" ? [query, key] : [key, query];
  const pins = (/** @type {number | null} */ first, /** @type {number | null} */ second) =>
    direction === "to" ? { token: first, key: second } : { token: second, key: first };
  if (anchor === null) return pins(token, other === token ? null : other);
  if (other === token) return pins(anchor, null);
  return anchor === token ? pins(null, null) : pins(anchor, token);
}

/**
 * With the other direction, the one token that is pinned takes the other role: the same patch is
 * looked at from the other side. A pinned pair stays as it is.
 * @param {Partial<Choices>} change
 * @param {Choices} choices
 * @returns {Partial<Choices>}
 */
export function turned({ direction }, { direction: before, token, key }) {
  const isTurned = direction !== undefined && direction !== before;
  return isTurned && (token === null) !== (key === null) ? { token: key, key: token } : {};
}
