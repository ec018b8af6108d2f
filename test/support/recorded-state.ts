import type { TestSite } from "./site";

/** What differs from one test machine to the next in a stack's state, and the name it has in the recorded one. */
function differences(site: TestSite): readonly (readonly [here: string, recorded: string])[] {
    const inJson = (text: string) => JSON.stringify(text).slice(1, -1);
    return [
        [inJson(`${site.authority.ca.trim()}\n`), "(the registry's CA)"],
        [site.registry.host, "(the registry)"],
        [site.folder, "(the site's folder)"],
    ];
}

/** A state as it is kept in the fixtures, with its secrets in the clear: they are those of a test. */
export function record(state: string, site: TestSite): string {
    return differences(site).reduce((text, [here, recorded]) => text.replaceAll(here, recorded), state);
}

/** A recorded state as if this site had it. */
export function recall(recorded: string, site: TestSite): string {
    return differences(site).reduce((text, [here, name]) => text.replaceAll(name, here), recorded);
}
