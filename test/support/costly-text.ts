/** Nested without end: four megabytes that a parser turns into gigabytes. */
export const NESTED = "[".repeat(4_000_000);

/** Ten lists, each of ten aliases of the one before: 10^10 values. */
export const BILLION_LAUGHS = Array.from({ length: 10 }, (_, level) => {
    const items = Array.from({ length: 10 }, () => (level === 0 ? "x" : `*l${level - 1}`));
    return `l${level}: &l${level} [${items.join(", ")}]\n`;
}).join("");
