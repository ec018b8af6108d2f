/** Which images the nodes of which pools pull beforehand. */
export interface PinRules {
    readonly pools: readonly string[];
    /** Patterns over upstream names; absent: all that nodes can use. */
    readonly images?: readonly string[] | undefined;
}
