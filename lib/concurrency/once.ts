/** The answer to a question that is asked only once, however many wait for it; a failure is shared too. */
export function once<T>(responses: Map<string, Promise<T>>, question: string, ask: () => Promise<T>): Promise<T> {
    const known = responses.get(question);
    if (known !== undefined) return known;
    const response = ask();
    responses.set(question, response);
    return response;
}
