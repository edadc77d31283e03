/**
 * An attribute's value as constraints compare it. Follows mesosphere/marathon v1.8 mesos/Constraints.scala: text as it is, scalars
 * with up to three decimals, ranges and sets sorted.
 */

/** The value as text. */
export function attributeText(text: string): string {
  if (/^-?\d{1,15}(?:\.\d{1,15})?$/.test(text)) return formatScalar(Number(text));
  const inner = text.slice(1, -1);
  if (text.startsWith('[') && text.endsWith(']') && /^[\d,\s-]*$/.test(inner)) {
    const ranges = inner.split(',').map((range) => range.trim());
    return `[${ranges.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)).join(',')}]`;
  }
  if (text.startsWith('{') && text.endsWith('}')) {
    const items = inner.split(',').map((item) => item.trim());
    return `{${items.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)).join(',')}}`;
  }
  return text;
}

/** A number with up to three decimals, ties to the even neighbour. */
export function formatScalar(value: number): string {
  const sixteenths = value * 16;
  const tie = Number.isInteger(sixteenths) && sixteenths % 2 !== 0;
  const floor = Math.floor(value * 1000);
  const rounded = tie ? (floor % 2 === 0 ? floor : floor + 1) / 1000 : Number(value.toFixed(3));
  return String(rounded === 0 ? 0 : rounded);
}
