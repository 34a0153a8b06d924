"""What an independent reader in Python says of addresses, and how fast it is, for `cargo xtask`.

    python3 peer.py answers READER DATABASE [KEY]             one address a line in, one line of JSON an address out
    python3 peer.py speed READER DATABASE ADDRESSES SECONDS   JSON: how many look-ups in how many seconds

Each reader is used as its documentation shows; its answer is handed on as it is, `null` where it has none.
"""

import json
import sys
import time


def qqwry(path, loadindex):
    from qqwry import QQwry

    reader = QQwry()
    if not reader.load_file(path, loadindex=loadindex):
        raise SystemExit(f"{path}: not loaded")
    return reader.lookup


def ipip_ipdb(path, _key):
    import ipdb

    reader = ipdb.City(path)
    language = reader.languages()[0]

    def lookup(address):
        try:
            return reader.find_map(address, language)
        except ipdb.IPNotFound:
            return None

    return lookup


def xdb(path, _key):
    from ip2region import searcher, util

    version = util.version_from_header(util.load_header_from_file(path))
    return searcher.new_with_buffer(version, util.load_content_from_file(path)).search


def maxminddb(path, _key):
    import maxminddb

    # The C extension: an error where it is missing.
    return maxminddb.open_database(path, maxminddb.MODE_MMAP_EXT).get


def ip2location(path, _key):
    import IP2Location

    reader = IP2Location.IP2Location(path, "SHARED_MEMORY")
    return lambda address: vars(reader.get_all(address))


def czdb(path, key):
    from czdb.db_searcher import DbSearcher

    return DbSearcher(path, "MEMORY", key).search


def datx(path, kind):
    import datx

    return getattr(datx, kind)(path).find


READERS = {
    "qqwry": lambda path, _key: qqwry(path, False),
    "qqwry-index": lambda path, _key: qqwry(path, True),
    "ipdb": ipip_ipdb,
    "xdb": xdb,
    "mmdb": maxminddb,
    "ip2location": ip2location,
    "czdb": czdb,
    "datx": lambda path, _key: datx(path, "City"),
    "datx-district": lambda path, _key: datx(path, "District"),
}


def answers(lookup):
    for line in sys.stdin:
        try:
            answer = lookup(line.strip())
        except Exception as error:  # An error is an answer too: it is compared with ours.
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer, ensure_ascii=False, default=str) + "\n")


def speed(lookup, addresses, seconds):
    # The list in parts, so that the clock costs nothing.
    parts = [addresses[at : at + 1000] for at in range(0, len(addresses), 1000)]
    done = 0
    began = time.perf_counter()
    while True:
        for part in parts:
            for address in part:
                lookup(address)
            done += len(part)
            elapsed = time.perf_counter() - began
            if elapsed >= seconds:
                print(json.dumps({"lookups": done, "seconds": elapsed}))
                return


def main():
    task, reader, path, *rest = sys.argv[1:]
    if task == "answers":
        sys.stdout.reconfigure(encoding="utf-8")
        answers(READERS[reader](path, rest[0] if rest else None))
    else:
        with open(rest[0], encoding="ascii") as file:
            addresses = file.read().split()
        speed(READERS[reader](path, None), addresses, float(rest[1]))


main()
