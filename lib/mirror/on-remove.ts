/** What becomes of images that leave. */
export type OnRemove = "keep" | "delete";
