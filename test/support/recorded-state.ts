import { PROJECT } from "./stack";

/** A site as a recorded state names it: everything that differs from one test machine to the next. */
export interface RecordedSite {
    /** `host:port` */
    readonly host: string;
    readonly folder: string;
    /** PEM. */
    readonly ca: string;
}

/** What differs in a stack's state, and the name it has in the recorded one. */
function differences({ host, folder, ca }: RecordedSite): readonly (readonly [here: string, recorded: string])[] {
    const inJson = (text: string) => JSON.stringify(text).slice(1, -1);
    return [
        [inJson(`${ca.trim()}\n`), "(the registry's CA)"],
        [host, "(the registry)"],
        [folder, "(the site's folder)"],
        [PROJECT, "(the project)"],
    ];
}

/** A state as it is kept in the fixtures, with its secrets in the clear: they are those of a test. */
export function record(state: string, site: RecordedSite): string {
    return differences(site).reduce((text, [here, recorded]) => text.replaceAll(here, recorded), state);
}

/** A recorded state as if this site had it. */
export function recall(recorded: string, site: RecordedSite): string {
    return differences(site).reduce((text, [here, name]) => text.replaceAll(name, here), recorded);
}
