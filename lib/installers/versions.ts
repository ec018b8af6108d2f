/** A version of three numbers; what comes after them (`-rc1`, a build) is not compared. */
export type Version = readonly [major: number, minor: number, patch: number];

/** @returns undefined: it does not begin with three numbers */
export function parseVersion(text: string): Version | undefined {
    const [, major, minor, patch] = /^v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?![0-9.])/.exec(text) ?? [];
    if (major === undefined || minor === undefined || patch === undefined) return undefined;
    return [Number(major), Number(minor), Number(patch)];
}

/** Below 0 if the first is older; texts that are no versions are as old as can be. */
export function compareVersions(one: string, other: string): number {
    const [left, right] = [parseVersion(one) ?? [0, 0, 0], parseVersion(other) ?? [0, 0, 0]];
    const at = [0, 1, 2].find((index) => left[index] !== right[index]);
    return at === undefined ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
}
