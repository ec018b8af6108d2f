import type { ImageProblem } from "./plan/plan";
import { counted } from "./transfer/progress-text";

/**
 * What is wrong with images, a line each: a problem that several of them have (one cause ended the run) is told once.
 * @param most problems, and images of one problem, that are told; the others are counted
 */
export function problemLines(problems: readonly ImageProblem[], most = Infinity): string[] {
    const sources = new Map<string, string[]>();
    for (const { source, problem } of problems) {
        const known = sources.get(problem);
        if (known === undefined) sources.set(problem, [source]);
        else known.push(source);
    }
    const told = [...sources].slice(0, most);
    const untold = [...sources.values()].slice(told.length).flat().length;
    const lines = told.map(([problem, images]) => `${names(images, most)}: ${problem}`);
    return untold === 0 ? lines : [...lines, `and ${untold} more`];
}

function names(images: readonly string[], most: number): string {
    if (images.length === 1) return images.join();
    const more = images.length > most ? ` and ${images.length - most} more` : "";
    return `${counted(images.length, "image")} (${images.slice(0, most).join(", ")}${more})`;
}
