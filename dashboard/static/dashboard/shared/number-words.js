/** @file Numbers, amounts and time spans as text for people, in English. */

const BYTE_UNITS = ["bytes", "KB", "MB", "GB", "TB"];

/**
 * Write a whole number with thousands separators, as in "1,000".
 * @param {number} value
 */
export function formatCount(value) {
  return value.toLocaleString("en");
}

/**
 * Write a number of files, as in "1 file" or "1,000 hidden files".
 * @param {number} count
 * @param {string} [adjective] stands before the noun
 */
export function formatFiles(count, adjective = "") {
  const noun = count === 1 ? "file" : "files";
  return [formatCount(count), adjective, noun].filter(Boolean).join(" ");
}

/**
 * Write an amount of data in units of 1,024, as the server's pages do.
 * @param {number} bytes
 */
export function formatBytes(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit ? value.toFixed(1) : formatCount(value)} ${BYTE_UNITS[unit]}`;
}

/**
 * Write the time that remains, rounded up to ten seconds, or to minutes from one minute on.
 * @param {number} seconds
 */
export function formatDuration(seconds) {
  const tens = Math.ceil(seconds / 10) * 10;
  if (tens < 60) return `${tens} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/**
 * Write a share in percent with one decimal where it needs one, without the sign; "–" where there is no share.
 * @param {number} share 0 to 1, or NaN
 */
export function formatPercent(share) {
  return Number.isNaN(share) ? "–" : (100 * share).toFixed(1).replace(/\.0$/, "");
}

/**
 * Write a share in whole percent, rounded down, so that only a complete task reads "100 %".
 * @param {number} share 0 to 1
 */
export function formatWholePercent(share) {
  return `${Math.floor(100 * share + 1e-9)} %`; // 100 * 0.29 is a little less than 29
}

/**
 * Write a measured value with three digits, or with all digits before the decimal point.
 * @param {number} value
 */
export function formatMeasurement(value) {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
