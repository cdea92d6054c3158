// Numbers as people read them.

const UNITS = ["bytes", "KB", "MB", "GB", "TB"];

export const number = (value) => value.toLocaleString("en");

export const files = (count) => (count === 1 ? "1 file" : `${number(count)} files`);

/** Bytes in units of 1024, as the server's pages show them. */
export function size(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) { value /= 1024; unit += 1; }
  return `${unit ? value.toFixed(1) : number(value)} ${UNITS[unit]}`;
}

/** A time span, no more exact than a forecast is. */
export function duration(seconds) {
  if (seconds < 60) return `${Math.ceil(seconds / 10) * 10} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
