// An MQTT client of another make over TLS with a pre-shared key. The visit is described by one JSON argument; what came of it is one line of JSON.
'use strict';
const mqtt = require('mqtt');
const visit = JSON.parse(process.argv[2]);

const client = mqtt.connect({
  protocol: 'mqtts', host: '127.0.0.1', port: visit.port, minVersion: visit.tls, maxVersion: visit.tls,
  ...(visit.tls === 'TLSv1.2' ? { ciphers: 'PSK' } : {}),
  checkServerIdentity: () => undefined,
  pskCallback: () => ({ identity: visit.identity, psk: Buffer.from(visit.key, 'hex') }),
  protocolVersion: visit.level, clientId: visit.clientId, username: visit.userName, clean: true, reconnectPeriod: 0, connectTimeout: 20000,
});

function done(result) {
  console.log(JSON.stringify(result));
  client.end(true, () => process.exit(0));
}

client.on('error', error => done({ refused: error.code ?? error.message }));
client.on('connect', () => client.subscribe(visit.topic, { qos: 1 }, (error, granted) => {
  if (error || granted[0].qos > 2) return done({ notSubscribed: true });
  client.publish(visit.topic, visit.payload, { qos: 1, ...(visit.level === 5 ? { properties: { contentType: 'text/plain' } } : {}) });
}));
client.on('message', (topic, payload, packet) => done({ topic, payload: payload.toString(), contentType: packet.properties?.contentType ?? null }));
setTimeout(() => done({ timeout: true }), 25000).unref();
