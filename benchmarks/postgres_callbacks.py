"""Verified callbacks applied per second on PostgreSQL, against raw ``psycopg`` writing the same rows one by one."""

from __future__ import annotations

from .crowd import Crowd
from .measuring import Figure, Jobs, Scale, compare, in_sets, slices
from .raw import RawPostgres, pieces
from .servers import postgres
from .world import World, decided

SET = 100
PROCESSES, CALLERS = 2, 4


def postgres_single(scale: Scale) -> Figure:
    says = "PostgreSQL, one process, one by one: flow.receive against raw psycopg on one connection"
    return _one_process(Figure("postgres_single", says, 1.0), scale, 1)


def postgres_sets(scale: Scale) -> Figure:
    says = "PostgreSQL, sets of 100: flow.receive_many against raw psycopg one by one on one connection"
    return _one_process(Figure("postgres_sets", says, 4.0), scale, SET)


def _one_process(figure: Figure, scale: Scale, size: int) -> Figure:
    number = scale.callbacks if size == 1 else max(SET, scale.callbacks * 4 // SET * SET)
    with postgres() as url:
        world = World.open(url)
        raw = RawPostgres(url)
        figure.notes.append("server: " + ", ".join(f"{name}={value}" for name, value in raw.settings().items()))

        def prepare(_round: int) -> tuple[Jobs, Jobs]:
            callbacks = world.callbacks(number)
            work = slices(pieces(decided(world, world.callbacks(scale.callbacks))), raw.one_by_one)
            if size == 1:
                return work, slices(callbacks, world.receive)
            return work, slices(in_sets(callbacks, size), world.receive_sets)

        try:
            return compare(figure, scale.rounds, prepare)
        finally:
            raw.close()
            world.close()


def postgres_two_processes(scale: Scale) -> Figure:
    says = f"PostgreSQL, {PROCESSES} processes with {CALLERS} callers each, against raw psycopg with 8 connections"
    figure = Figure("postgres_two_processes", says, 0.8)
    with postgres() as url:
        world = World.open(url)
        raw = RawPostgres(url)
        figure.notes.append("server: " + ", ".join(f"{name}={value}" for name, value in raw.settings().items()))
        raw.close()
        crowd = Crowd(url, world.desk.private_key, PROCESSES, CALLERS)

        def prepare(_round: int) -> tuple[Jobs, Jobs]:
            work = pieces(decided(world, world.callbacks(scale.callbacks * 4)))
            callbacks = world.callbacks(scale.callbacks * 4)
            return crowd.jobs("raw", work), crowd.jobs("ours", callbacks)

        try:
            return compare(figure, scale.rounds, prepare)
        finally:
            crowd.close()
            world.close()
