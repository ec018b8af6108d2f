import { problemLines } from "../../../lib/import";

const failed = (problem: string, ...sources: string[]) => sources.map((source) => ({ source, problem }));

test("one cause is told once, with the images that it met", () => {
    const problems = [...failed("DENIED", "a:1"), ...failed("not tried", "b:1", "c:1"), ...failed("DENIED", "d:1")];
    expect(problemLines(problems)).toEqual(["2 images (a:1, d:1): DENIED", "2 images (b:1, c:1): not tried"]);
});

test("what is too much to read is counted: images of one cause, and causes", () => {
    const problems = [...failed("not tried", "a:1", "b:1", "c:1"), ...failed("x", "d:1"), ...failed("y", "e:1", "f:1")];
    expect(problemLines(problems, 2)).toEqual(["3 images (a:1, b:1 and 1 more): not tried", "d:1: x", "and 2 more"]);
});

test("a cause that ended a run of very many images is told as fast as it is read", () => {
    const sources = Array.from({ length: 100_000 }, (_, i) => `a:${i}`);
    expect(problemLines(failed("not tried", ...sources), 1)).toEqual(["100000 images (a:0 and 99999 more): not tried"]);
});
