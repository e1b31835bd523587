import { Slug } from '@gatecast/shared/model';
import Type from 'typebox';
import { closed, DateTime, mergePatchOf, pageSchema } from '../schemas.ts';

const name = Type.String({ minLength: 1, maxLength: 128, description: 'For people.' });

export const WorkspaceCreate = Type.Object({ workspace: Slug, name: Type.Optional(name) }, closed);

const WorkspaceChange = Type.Object({ name: Type.Optional(name) }, closed);
export const WorkspaceUpdate = mergePatchOf(WorkspaceChange, {
  description: 'JSON merge patch; null removes the name.',
});

export const WorkspaceResult = Type.Object({
  workspace: Slug,
  name: Type.Optional(Type.String()),
  createdAt: DateTime('When it was created.'),
});

export const WorkspacePage = pageSchema(WorkspaceResult);
