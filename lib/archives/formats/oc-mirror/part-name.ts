const PART = /^mirror_(\d{6})\.tar$/;

/** True for the name of a part of an oc-mirror v2 archive (internal/pkg/archive/const.go). */
export function isOcMirrorPart(name: string): boolean {
    return PART.test(name);
}

/** The six digits of a part's name; undefined for another name. */
export function partNumber(name: string): string | undefined {
    return PART.exec(name)?.[1];
}
