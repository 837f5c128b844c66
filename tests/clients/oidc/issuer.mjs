// An OpenID Connect issuer for tests, on a loopback port of its own: oidc-provider, as it comes. Whoever signs in says who they are.
//
// Says `{"issuer": ...}` on a line of its own when it listens, and ends when its stdin does.

import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const audience = process.env.AUDIENCE ?? 'https://polder.example';
const redirects = JSON.parse(process.env.REDIRECTS ?? '["http://127.0.0.1/callback"]');

const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'polder',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code'],
      redirect_uris: redirects,
    },
    {
      client_id: 'loader',
      client_secret: 'a-secret-of-a-test',
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
    },
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['preferred_username'] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@contoso.com`, email_verified: true, preferred_username: id }),
  }),
  extraTokenClaims: (_, token) => (token.accountId ? { email: `${token.accountId}@contoso.com` } : undefined),
  ttl: { AccessToken: Number(process.env.TTL ?? 3600), ClientCredentials: 3600, IdToken: 3600, Session: 3600, Interaction: 600,
         Grant: 3600, RefreshToken: 86400, DeviceCode: 600 },
  features: {
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => audience,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: 'openid profile email api', audience, accessTokenFormat: 'jwt' }),
    },
  },
});

server.on('request', provider.callback());
console.log(JSON.stringify({ issuer }));
process.stdin.on('end', () => process.exit(0)).resume();
