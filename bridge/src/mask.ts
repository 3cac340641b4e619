/** The form in which the sidecar shows an API key: enough to recognise it, too little to use it. */
export function mask(key: string): string {
  if (key.length < 12) return "…";
  const dash = key.slice(0, 6).indexOf("-");
  const prefix = dash >= 0 ? key.slice(0, dash + 1) : key.length >= 24 ? key.slice(0, 4) : "";
  return `${prefix}…${key.slice(-4)}`;
}
