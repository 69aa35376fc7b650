// Ends a run with "N passed, N failed, N skipped" on a line of its own, for CI that reads no jest.
export default class ClosingLine {
  onRunComplete(_contexts, { numPassedTests, numFailedTests, numPendingTests, numTodoTests, ...results }) {
    // A suite that could not even be loaded has no failed tests, and yet it failed.
    const failed = numFailedTests + results.numRuntimeErrorTestSuites;
    process.stdout.write(`\n${numPassedTests} passed, ${failed} failed, ${numPendingTests + numTodoTests} skipped\n`);
  }
}
