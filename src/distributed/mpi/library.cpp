#define OMPI_SKIP_MPICXX
#define MPICH_SKIP_MPICXX
#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <list>
#include <vector>

#include "distributed/mpi/functions.h"

/// libcamber_mpi.so: nothing of Camber's library is linked into it.
namespace camber::distributed {
namespace {

struct Note {
    MPI_Request request;
    std::vector<char> bytes;
};

MPI_Comm in_order, beside_them, notes;
bool started_here = false;
std::list<Note> sent;

int start(int* rank, int* size) {
    int running = 0;
    if (const int error = MPI_Initialized(&running); error != MPI_SUCCESS) return error;
    if (!running) {
        int provided = 0;
        if (const int error = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided); error != MPI_SUCCESS)
            return error;
        started_here = true;
    }
    for (MPI_Comm* comm : {&in_order, &beside_them, &notes}) {
        if (const int error = MPI_Comm_dup(MPI_COMM_WORLD, comm); error != MPI_SUCCESS) return error;
        MPI_Comm_set_errhandler(*comm, MPI_ERRORS_RETURN);
    }
    MPI_Comm_rank(MPI_COMM_WORLD, rank);
    return MPI_Comm_size(MPI_COMM_WORLD, size);
}

int local(int* number) {
    MPI_Comm machine;
    if (const int error = MPI_Comm_split_type(in_order, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
        error != MPI_SUCCESS)
        return error;
    MPI_Comm_rank(machine, number);
    return MPI_Comm_free(&machine);
}

int finish_start(int error, MPI_Request* made, void** request) {
    if (error == MPI_SUCCESS) {
        *request = made;
    } else {
        delete made;
    }
    return error;
}

int sum(void* values, std::int64_t count, MpiFunctions::Kind kind, bool beside, void** request) {
    auto* made = new MPI_Request;
    const MPI_Datatype type = kind == MpiFunctions::f32 ? MPI_FLOAT : MPI_DOUBLE;
    const int error = MPI_Iallreduce(MPI_IN_PLACE, values, static_cast<int>(count), type, MPI_SUM,
                                     beside ? beside_them : in_order, made);
    return finish_start(error, made, request);
}

int broadcast(void* bytes, std::int64_t count, void** request) {
    auto* made = new MPI_Request;
    return finish_start(MPI_Ibcast(bytes, static_cast<int>(count), MPI_BYTE, 0, in_order, made), made, request);
}

int gather(const void* own, std::int64_t count, void* all, void** request) {
    auto* made = new MPI_Request;
    const int n = static_cast<int>(count);
    return finish_start(MPI_Iallgather(own, n, MPI_BYTE, all, n, MPI_BYTE, in_order, made), made, request);
}

int test(void* request, bool* done) {
    auto* const made = static_cast<MPI_Request*>(request);
    int flag = 0;
    const int error = MPI_Test(made, &flag, MPI_STATUS_IGNORE);
    *done = flag != 0;
    if (*done || error != MPI_SUCCESS) delete made;
    return error;
}

int send(int to, const void* bytes, std::int64_t count) {
    sent.remove_if([](Note& note) {
        int done = 0;
        MPI_Test(&note.request, &done, MPI_STATUS_IGNORE);
        return done != 0;
    });
    const auto* const begin = static_cast<const char*>(bytes);
    Note& note = sent.emplace_back();
    note.bytes.assign(begin, begin + count);
    return MPI_Isend(note.bytes.data(), static_cast<int>(count), MPI_BYTE, to, 0, notes, &note.request);
}

int receive(void* bytes, std::int64_t room, std::int64_t* count, int* from) {
    *count = -1;
    int there = 0, size = 0;
    MPI_Status status;
    if (const int error = MPI_Iprobe(MPI_ANY_SOURCE, 0, notes, &there, &status); error != MPI_SUCCESS || !there)
        return error;
    MPI_Get_count(&status, MPI_BYTE, &size);
    std::vector<char> all(static_cast<std::size_t>(size));
    if (const int error = MPI_Recv(all.data(), size, MPI_BYTE, status.MPI_SOURCE, 0, notes, MPI_STATUS_IGNORE);
        error != MPI_SUCCESS)
        return error;
    *count = std::min<std::int64_t>(size, room);
    *from = status.MPI_SOURCE;
    std::memcpy(bytes, all.data(), static_cast<std::size_t>(*count));
    return MPI_SUCCESS;
}

void text(int error, char* into, int room) {
    char words[MPI_MAX_ERROR_STRING] = "";
    int size = 0;
    MPI_Error_string(error, words, &size);
    std::snprintf(into, static_cast<std::size_t>(room), "%s", words);
}

void describe(char* into, int room) {
    char words[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int size = 0;
    MPI_Get_library_version(words, &size);
    words[std::strcspn(words, "\n,")] = '\0';
    std::snprintf(into, static_cast<std::size_t>(room), "%s", words);
}

void abort_all(int code) { MPI_Abort(MPI_COMM_WORLD, code); }

void finish() {
    int over = 0;
    MPI_Finalized(&over);
    if (started_here && !over) MPI_Finalize();
}

}  // namespace
}  // namespace camber::distributed

extern "C" __attribute__((visibility("default"))) const camber::distributed::MpiFunctions* camber_mpi_functions() {
    using namespace camber::distributed;
    static const MpiFunctions functions = {CAMBER_VERSION, start,   local, sum,      broadcast, gather, test,
                                           send,           receive, text,  describe, abort_all, finish};
    return &functions;
}
