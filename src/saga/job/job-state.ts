/** The states of a job (GFD.90 section 4.1); Checkpointing and Recovering come from the CPR extension. */
export const JobState = {
  New: 1,
  Running: 2,
  Done: 3,
  Canceled: 4,
  Failed: 5,
  Suspended: 6,
  Checkpointing: 7,
  Recovering: 8,
} as const;
export type JobState = (typeof JobState)[keyof typeof JobState];

export const FINAL_STATES: ReadonlySet<JobState> = new Set([JobState.Done, JobState.Canceled, JobState.Failed]);
