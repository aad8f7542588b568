// lookaside.hpp in C++17: objects in blocks of a list, containers with nodes from lists, and classes with a new and a
// delete of their own.
#include <cstdio>
#include <list>
#include <map>
#include <memory_resource>
#include <string>
#include <utility>

#include "lookaside.hpp"

namespace {

struct person {
    std::string name;
    int year;
};

struct event : lookaside::pooled<event> {
    explicit event(int number) : number(number) {}
    int number;
};

unsigned long long taken_from_list_of(std::size_t size)
{
    lookaside_statistics statistics{};
    statistics.struct_size = sizeof statistics;
    lookaside_list_statistics(lookaside_process_list(size, 0), &statistics);
    return statistics.list.total_allocates;
}

void objects()
{
    lookaside::list_of<person> people("people");
    auto one = people.make_unique("Konrad", 1910);
    std::printf("%s, %d\n", one->name.c_str(), one->year);
    one.reset();
    auto other = people.make_unique("Jean", 1921);
    std::printf("%s, %d, of %llu that are out\n", other->name.c_str(), other->year,
                static_cast<unsigned long long>(people.statistics().outstanding));
}

void containers()
{
    const unsigned long long before = taken_from_list_of(48);
    std::map<int, int, std::less<>, lookaside::allocator<std::pair<const int, int>>> squares;
    for (int number = 0; number < 100; number++) {
        squares[number] = number * number;
    }
    std::printf("the square of 12 is %d; %llu nodes came from the list of 48 bytes\n", squares[12],
                taken_from_list_of(48) - before);
}

void classes()
{
    std::list<event *> events;
    for (int number = 1; number <= 3; number++) {
        events.push_back(new event(number));
    }
    for (event *gone : events) {
        std::printf("event %d\n", gone->number);
        delete gone;
    }
}

void resources()
{
    lookaside::memory_resource resource;
    std::pmr::string text("a text that is too long to be part of the string itself", &resource);
    text += ", and grew";
    std::printf("%s\n", text.c_str());
}

} // namespace

int main()
{
    objects();
    containers();
    classes();
    resources();
    return 0;
}
