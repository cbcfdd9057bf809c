// What the OpenFeature clients in JavaScript have in common.

/** OpenFeature's form of a context. */
export function contextOf({ key, ...others }) {
  return key === undefined ? others : { targetingKey: key, ...others };
}

/** What a flag is, by the type of what the caller would take for it; a failure's code is its reason. */
export async function detailOf(client, flag, fallback, ...context) {
  const type = { boolean: 'Boolean', string: 'String', number: 'Number' }[typeof fallback];
  const asked = type ?? (fallback === null ? 'Boolean' : 'Object');
  const found = await client[`get${asked}Details`](flag, fallback ?? false, ...context);
  return {
    value: found.errorCode ? fallback : found.value,
    variation: found.variant ? Number(found.variant) : null,
    reason: found.errorCode ?? found.reason,
  };
}
