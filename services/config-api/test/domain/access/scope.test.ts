import { describe, expect, it } from 'vitest';
import {
  type Access,
  canRead,
  decideAccess,
  type Scope,
  WORKSPACE_SCOPE_PATTERN,
} from '../../../src/domain/access/scope.ts';

const holder = (...scopes: Scope[]) => ({ id: 'k', scopes });
const admin = holder('admin');
const reader = holder('workspace:acme:read');
const writer = holder('workspace:acme:write');
const nobody = holder();

describe('decideAccess', () => {
  it.each([
    [admin, 'admin', undefined, 'granted'],
    [admin, 'workspace:write', 'acme', 'granted'],
    [reader, 'admin', undefined, 'forbidden'],
    [writer, 'admin', 'acme', 'forbidden'],
    [reader, 'workspace:read', 'acme', 'granted'],
    [reader, 'workspace:write', 'acme', 'forbidden'],
    [writer, 'workspace:read', 'acme', 'granted'],
    [writer, 'workspace:write', 'acme', 'granted'],
    [reader, 'workspace:read', 'other', 'hidden'],
    [writer, 'workspace:write', 'other', 'hidden'],
    [writer, 'workspace:read', 'acm', 'hidden'],
    [writer, 'workspace:read', undefined, 'hidden'],
    [nobody, 'workspace:read', 'acme', 'hidden'],
    [nobody, 'authenticated', undefined, 'granted'],
    [nobody, 'admin', undefined, 'forbidden'],
  ] as const)('%j, %s of %s: %s', (principal, access, workspace, decision) => {
    expect(decideAccess(principal, access, workspace)).toBe(decision);
  });

  it('denies what it does not know', () => {
    expect(decideAccess(writer, 'something new' as Access, 'acme')).toBe('forbidden');
  });
});

describe('canRead', () => {
  it('shows a workspace to those who read or write it, and to admins', () => {
    expect([admin, reader, writer, nobody].map((one) => canRead(one, 'acme'))).toEqual([true, true, true, false]);
    expect(canRead(writer, 'other')).toBe(false);
  });
});

describe('WORKSPACE_SCOPE_PATTERN', () => {
  it.each([
    ['workspace:acme:read', true],
    ['workspace:a-1:write', true],
    ['workspace:acme:admin', false],
    ['workspace:Acme:read', false],
    ['workspace:a:read:b:read', false],
    ['workspace:-a:read', false],
    ['workspace::read', false],
    ['admin', false],
    ['xworkspace:acme:read', false],
    ['workspace:acme:readx', false],
  ])('%s: %s', (scope, fits) => {
    expect(new RegExp(WORKSPACE_SCOPE_PATTERN).test(scope)).toBe(fits);
  });
});
