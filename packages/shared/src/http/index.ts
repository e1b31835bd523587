export { type AdminServer, type AdminServerOptions, startAdminServer } from './admin-server.ts';
export { FieldProblem, HttpProblem, type HttpProblemOptions, PROBLEM_MEDIA_TYPE, Problem } from './problem.ts';
export { toProblem, useProblemDetails } from './problem-handler.ts';
