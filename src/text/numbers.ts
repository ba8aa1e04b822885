/** Numbers as a reader wants them: few digits, units, thousands apart. */

const MISSING = "–";
const SECONDS_PER_MINUTE = 60;
const SECONDS_PER_HOUR = 3600;

/** 1234567 → "1,234,567". */
export function formatCount(value: number): string {
  return Number.isFinite(value) ? value.toLocaleString("en-US", { maximumFractionDigits: 0 }) : MISSING;
}

/** 1 → "layer", 2 → "layers". */
export function plural(count: number, word: string): string {
  return count === 1 ? word : `${word}s`;
}

/** 1234567 → "1.23 M": for large numbers whose last digits say nothing. */
export function formatLarge(value: number): string {
  if (!Number.isFinite(value)) return MISSING;
  if (Math.abs(value) < 10_000) return formatCount(value);
  const text = value.toLocaleString("en-US", { notation: "compact", maximumSignificantDigits: 3 });
  return text.replace(/([A-Z])$/, " $1");
}

/** 1234567890 → "1.2 GB", 34567890 → "35 MB"; of 1000, as disks and memory limits are mostly told. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return MISSING;
  const digits = bytes < 9.95e9 ? 1 : 0;
  return bytes < 999.5e6 ? `${formatCount(bytes / 1e6)} MB` : `${formatFixed(bytes / 1e9, digits)} GB`;
}

/** 2.34567 → "2.346". */
export function formatFixed(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : MISSING;
}

/** 0.1234 → "12.3 %". */
export function formatPercent(value: number): string {
  return Number.isFinite(value) ? `${(value * 100).toFixed(1)} %` : MISSING;
}

/** 3723 → "1 h 2 min"; 95 → "1 min 35 s"; 9.27 → "9.3 s". */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return MISSING;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < SECONDS_PER_MINUTE) return `${whole} s`;
  if (whole < SECONDS_PER_HOUR) return `${Math.floor(whole / SECONDS_PER_MINUTE)} min ${whole % SECONDS_PER_MINUTE} s`;
  const minutes = Math.round(whole / SECONDS_PER_MINUTE);
  return `${formatCount(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}
