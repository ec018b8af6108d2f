/** What the engine puts in place of a value that is not known before the update. */
export const UNKNOWN_VALUE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** True if the value, or anything in it, is not known before the update. */
export function hasUnknown(value: unknown): boolean {
    if (value === UNKNOWN_VALUE) return true;
    return typeof value === "object" && value !== null && Object.values(value).some(hasUnknown);
}
