/**
 * True if `inner` is `outer` or lies below it: `quay.io/org` in `quay.io`, `a.example.com/x` in `*.example.com`
 * (openshift/runtime-utils, pkg/registries, ScopeIsNestedInsideScope). A port does not count as nested: `host:5000` is not
 * inside `host`.
 */
export function isNestedScope(inner: string, outer: string): boolean {
    if (inner === outer || inner.startsWith(`${outer}/`)) return true;
    if (!outer.startsWith("*.")) return false;
    const host = inner.split(inner.includes(":") ? ":" : "/")[0] ?? "";
    return host.endsWith(outer.slice(1)) && !host.includes("/");
}
