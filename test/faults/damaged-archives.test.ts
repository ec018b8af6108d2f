import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openArchive } from "../../lib/archives";
import { errorMessage } from "../../lib/errors/errors";
import { faultCase } from "../support/faults/fault-case";
import { FaultSite } from "../support/faults/fault-site";
import type { Random } from "../support/faults/random";
import { SetArchive } from "../support/faults/set-archive";
import { problemText } from "../support/problems";

let site: FaultSite;

beforeAll(async () => {
    site = await FaultSite.start();
});
afterAll(() => site.stop());

const NAMES = ["mirror_000001.tar", "mirror_000002.tar"] as const;

interface Damage {
    /** @returns false if, by chance, nothing is damaged */
    readonly damage: (archive: SetArchive, random: Random) => Promise<boolean>;
    /** True: structure tells, so nothing may ever be written. */
    readonly isStructural: boolean;
    readonly says: RegExp;
}

const DAMAGES: Readonly<Record<string, Damage>> = {
    "a truncated part": {
        isStructural: true,
        says: /truncated|empty|the lock says|ends without|isc_/,
        damage: async (archive, random) => {
            const name = random.pick(NAMES);
            const whole = archive.parts.get(name) ?? Buffer.alloc(0);
            writeFileSync(join(archive.path, name), whole.subarray(0, random.between(0, whole.length - 1)));
            return true;
        },
    },
    "a flipped bit": {
        isStructural: false,
        says: /archive |the lock/,
        damage: async (archive, random) => {
            const name = random.pick(NAMES);
            const bytes = Buffer.from(archive.parts.get(name) ?? []);
            const at = random.between(0, bytes.length - 1);
            bytes[at] = (bytes[at] ?? 0) ^ (1 << random.between(0, 7));
            writeFileSync(join(archive.path, name), bytes);
            return true;
        },
    },
    "a missing part": {
        isStructural: true,
        says: /is missing|no part holds/,
        damage: async (archive, random) => {
            rmSync(join(archive.path, random.pick(NAMES)));
            return true;
        },
    },
    "parts that were swapped": {
        isStructural: true,
        says: /the lock says/,
        damage: async ({ path, parts }) => {
            const [one, two] = NAMES.map((name) => join(path, name)) as [string, string];
            renameSync(one, `${path}/between`);
            renameSync(two, one);
            renameSync(`${path}/between`, two);
            return parts.get(NAMES[0])?.length !== parts.get(NAMES[1])?.length;
        },
    },
    "parts of two sets": {
        isStructural: true,
        says: /different runs|the lock says|is missing/,
        damage: async (archive, random) => {
            const other = await SetArchive.make(random);
            const name = random.pick(NAMES);
            writeFileSync(join(archive.path, name), other.parts.get(name) ?? "");
            other.remove();
            return true;
        },
    },
};

for (const [name, { damage, isStructural, says }] of Object.entries(DAMAGES)) {
    faultCase(name, { all: 200, sample: 4 }, async ({ random, count }) => {
        site.clear();
        const archive = await SetArchive.make(random);
        try {
            const isDamaged = await damage(archive, random);
            const outcome = await site.bringArchive(archive);
            const failed = outcome.result?.failed ?? [];
            site.holdsNothingWrong();
            if (outcome.error !== undefined) {
                // Found by structure: the registry was not touched.
                expect(errorMessage(outcome.error)).toMatch(says);
                expect(site.proxy.writes()).toEqual([]);
                count("found before the first write");
            } else if (failed.length > 0) {
                expect(isStructural).toBe(false);
                for (const image of failed)
                    expect(problemText(image)).toMatch(/mirror_00000\d\.tar, entry .*the bytes are/);
                count("found while streaming");
            } else {
                expect(isStructural && isDamaged).toBe(false);
                expect(outcome.result?.done).toEqual(archive.content.images);
                count("harmless");
            }
            archive.restore();
            const opened = await openArchive(archive.path);
            await site.converges(Object.assign(opened.source, { set: archive.content }));
            await opened.close();
        } finally {
            archive.remove();
        }
    });
}
