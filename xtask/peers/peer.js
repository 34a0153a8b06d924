// What an independent reader for node says of addresses, and how fast it is, for `cargo xtask`.
//
//     node peer.js answers READER DATABASE                     one address a line in, one line of JSON an address out
//     node peer.js speed READER DATABASE ADDRESSES SECONDS     JSON: how many look-ups in how many seconds
//
// Each reader is used as its documentation shows; its answer is handed on as it is, `null` where it has none.

'use strict';

const fs = require('fs');

const READERS = {
  // In memory ("speed"), or reading the file at each look-up.
  'lib-qqwry': (path) => {
    const reader = require('lib-qqwry')(true, path);
    return (address) => reader.searchIP(address);
  },
  'lib-qqwry-file': (path) => {
    const reader = require('lib-qqwry')(false, path);
    return (address) => reader.searchIP(address);
  },
  ipdb: (path) => {
    const { City } = require('ipip-ipdb');
    const reader = new City(path);
    return (address) => reader.findMap(address, 'CN');
  },
  zx: (path) => {
    const reader = new (require('ip2region/dist/lib/ipv6').default)(path);
    return (address) => reader.search(address, false);
  },
  'ip2region-db': (path) => {
    const reader = new (require('ip2region/dist/lib/ipv4').default)(path);
    return (address) => reader.search(address, false);
  },
  datx: (path) => {
    const { City } = require('ipip-datx');
    const reader = new City(path);
    return (address) => reader.findSync(address);
  },
};

function lines(file) {
  return fs.readFileSync(file, 'utf8').split('\n').filter((line) => line !== '');
}

function answers(lookup) {
  const output = [];
  const flush = () => {
    // A pipe may take a part only.
    let bytes = Buffer.from(output.join(''));
    while (bytes.length > 0) bytes = bytes.subarray(fs.writeSync(1, bytes));
    output.length = 0;
  };
  for (const address of lines(0)) {
    let answer;
    try {
      answer = lookup(address);
    } catch (error) {
      // An error is an answer too: it is compared with ours.
      answer = { error: String(error) };
    }
    // `findMap` gives a Map that has its entries as properties.
    if (answer instanceof Map) answer = { ...answer };
    output.push(JSON.stringify(answer ?? null), '\n');
    if (output.length >= 20000) flush();
  }
  flush();
}

function speed(lookup, addresses, seconds) {
  let done = 0;
  const began = process.hrtime.bigint();
  for (;;) {
    for (let at = 0; at < addresses.length; at += 1000) {
      const end = Math.min(at + 1000, addresses.length);
      for (let index = at; index < end; index++) lookup(addresses[index]);
      done += end - at;
      const elapsed = Number(process.hrtime.bigint() - began) / 1e9;
      if (elapsed >= seconds) {
        console.log(JSON.stringify({ lookups: done, seconds: elapsed }));
        return;
      }
    }
  }
}

const [task, reader, path, ...rest] = process.argv.slice(2);
const lookup = READERS[reader](path);
if (task === 'answers') answers(lookup);
else speed(lookup, lines(rest[0]), Number(rest[1]));
