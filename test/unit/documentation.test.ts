import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { PROJECT } from "../support/stack";

const { stdout } = spawnSync("git", ["ls-files", "-z"], { cwd: PROJECT, encoding: "utf8", maxBuffer: 2 ** 26 });
const TRACKED = stdout.split("\0").filter((name) => name !== "" && existsSync(join(PROJECT, name)));
const PAGES = TRACKED.filter((name) => name.endsWith(".md") && !name.startsWith("test/fixtures/"));
const SOURCES = TRACKED.filter(
    (name) =>
        /^(cli|components|config|dynamic-providers|lib|tools|bench|test)\//.test(name) && /\.(ts|mjs)$/.test(name),
);
const FOLDERS = "bench|cli|components|config|dynamic-providers|docs|examples|lib|test|tools";

const readText = (name: string) => readFileSync(join(PROJECT, name), "utf8");
const withoutCode = (text: string) => text.replace(/^ *```[\s\S]*?^ *```/gm, "").replace(/`[^`\n]*`/g, "");

/** The anchors of a page's headings, as GitHub makes them. */
function anchors(page: string): Set<string> {
    const headings = readText(page)
        .replace(/^ *```[\s\S]*?^ *```/gm, "")
        .matchAll(/^#+ (.+)$/gm);
    const found = new Set<string>();
    for (const [, heading = ""] of headings) {
        const title = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
        const slug = title.replace(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-");
        let anchor = slug;
        for (let count = 1; found.has(anchor); count++) anchor = `${slug}-${count}`;
        found.add(anchor);
    }
    return found;
}

/** What is wrong with a link to a file of the repository; undefined if nothing is. */
function linkProblem(page: string, target: string): string | undefined {
    const [path = "", anchor] = target.split("#");
    const file = path === "" ? page : normalize(join(dirname(page), path));
    if (!existsSync(join(PROJECT, file))) return `${page}: ${target}: ${file} does not exist`;
    if (anchor === undefined || anchors(file).has(anchor)) return undefined;
    return `${page}: ${target}: ${file} has no such heading`;
}

test("every relative link of every page leads to a file, and to a heading in it", () => {
    const links = PAGES.flatMap((page) =>
        [...withoutCode(readText(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => ({ page, target })),
    ).filter(({ target }) => !/^(https?|mailto):/.test(target));
    expect(links.length).toBeGreaterThan(100);
    expect(links.flatMap(({ page, target }) => linkProblem(page, target) ?? [])).toEqual([]);
});

test("every reference of a link is defined, and used", () => {
    const names = (text: string, pattern: RegExp) => new Set([...text.matchAll(pattern)].map(([, name = ""]) => name));
    const problems = PAGES.flatMap((page) => {
        const text = withoutCode(readText(page));
        const used = names(text, /\]\[([\w-]+)\]/g);
        const defined = names(text, /^\[([\w-]+)\]: https:\/\/\S+$/gm);
        const missing = [...used].filter((name) => !defined.has(name));
        const unused = [...defined].filter((name) => !used.has(name));
        return [...missing, ...unused].map((name) => `${page}: ${name}`);
    });
    expect(problems).toEqual([]);
});

test("paths of the repository that pages name exist", () => {
    const path = new RegExp(`\`((?:${FOLDERS})/[\\w./*{},-]+)\``, "g");
    const named = PAGES.flatMap((page) =>
        [...readText(page).matchAll(path)].map(([, name = ""]) => ({ page, name })),
    ).filter(({ name }) => !/[*{]/.test(name));
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter(({ name }) => !existsSync(join(PROJECT, name)))).toEqual([]);
});

test("pages that sources name exist, with the heading", () => {
    const named = SOURCES.flatMap((source) =>
        // Not those of other projects: "containers/image, docs/….md".
        [...readText(source).matchAll(/(?<!\w\/[\w/]+,? )\b(docs\/(?:how-to\/)?[\w-]+\.md(?:#[\w-]+)?)/g)].map(
            ([, target = ""]) => ({ source, target }),
        ),
    );
    expect(named.length).toBeGreaterThan(20);
    const problems = named.flatMap(({ source, target }) => {
        const problem = linkProblem("README.md", target);
        return problem === undefined ? [] : [`${source}: ${problem}`];
    });
    expect(problems).toEqual([]);
});

test("headings that sources name by their title exist", () => {
    const named = SOURCES.flatMap((source) =>
        // A title goes on in the next line of a comment.
        [
            ...readText(source)
                .replace(/\s*\n\s*(?:\*|\/\/|#) /g, " ")
                .matchAll(/\b(docs\/(?:how-to\/)?[\w-]+\.md), "([^"]+)"/g),
        ].map(([, page = "", title = ""]) => ({
            source,
            page,
            title,
        })),
    ).filter(({ page, title }) => !new RegExp(`^#+ ${title.replace(/[.*+?()]/g, "\\$&")}$`, "m").test(readText(page)));
    expect(named).toEqual([]);
});

test("npm scripts that pages name exist", () => {
    const { scripts } = JSON.parse(readText("package.json")) as { scripts: Record<string, string> };
    const named = PAGES.flatMap((page) =>
        [...readText(page).matchAll(/npm run (?:-s )?([a-z]\w*(?::\w+)*)/g)].map(([, name = ""]) => ({ page, name })),
    );
    expect(named.filter(({ name }) => scripts[name] === undefined)).toEqual([]);
});

test("commands of the command line that pages name exist", () => {
    const known = [...readText("docs/command-line.md").matchAll(/^<!-- command: (.+) -->$/gm)].map(
        ([, name = ""]) => name,
    );
    const named = PAGES.flatMap((page) =>
        [...readText(page).matchAll(/passthrough -- ([a-z][\w-]*)/g)].map(([, name = ""]) => ({ page, name })),
    );
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter(({ name }) => !known.includes(name))).toEqual([]);
});
