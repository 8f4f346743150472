#include "tools/synth/words.h"

namespace weft::synth {

std::string_view common_words() {
  return R"(
the of and to a in that is was he for it with as his on be at by i this had not are but from or
have an they which one you were her all she there would their we him been has when who will more
no if out so said what up its about into than them can only other new some could time these two
may then do first any my now such like our over man me even most made after also did many before
must through back years where much your way well down should because each just those people mr how
too little state good very make world still own see men work long get here between both life being
under never day same another know while last might us great old year off come since against go
came right used take three small large house home water place part again around however school
number night found thought left end few along next hand head high far light eyes face side room
door word words letter read book write story name once upon girl boy mother father child children
friend family love play played happy big red blue green white black dog cat bird tree sun moon
star sky sea river mountain road car city town street garden flower grass rain snow wind fire
stone wood paper table chair window wall say says saying tell told ask asked answer question talk
talking speak spoke call called want wanted need needed try tried help helped find think feel felt
seem seemed look looked looking watch saw seen hear heard give gave given keep kept let put set
run ran walk walked stand stood sit sat lie lay sleep wake eat ate food drink bread milk apple
fruit cake cook open opened close closed turn turned move moved start started begin began stop
stopped wait waited show showed bring brought buy bought pay paid sell sold send sent meet met
learn learned teach taught study grow grew build built break broke cut carry carried hold held
throw threw catch caught fall fell rise rose jump jumped climb swim fly flew drive drove ride sing
sang song music dance laugh laughed smile smiled cry cried always often sometimes usually really
almost enough quite perhaps maybe already soon later today tomorrow yesterday morning evening week
month hour minute second moment early late quick quickly slow slowly easy hard soft strong weak
hot cold warm cool wet dry clean dirty full empty heavy bright dark deep wide narrow short tall
young beautiful pretty nice kind sweet bad sad angry afraid brave clever wise poor rich free busy
ready sure true false real whole half best better less least several every everyone everything
something anything nothing someone nobody inside outside above below behind front near away
together alone during without within toward towards across among until though although unless
whether either neither yet therefore government company business market money price cost value law
court case police power war peace army country nation national public social political history
science nature human body heart mind soul blood bone health doctor patient medicine hospital
problem reason result effect cause change chance choice idea fact truth knowledge information
system process program machine computer data model language figure line point form group class
type level order rule test example section chapter page piece sort area field space ground earth
land island north south east west center middle top bottom edge corner use using user users useful
making maker taking coming going doing having seeing getting giving working walking reading
writing playing running thinking feeling learning building turning moving starting waiting growing
interesting interest important different difference possible possibly probably certain certainly
special general generally particular particularly common simple simply single double clear clearly
recent recently final finally actual actually especially exactly able ability action active
activity add addition address age agree air allow amount animal appear arm arrive art attack
attention average base basic beach bear beat bed believe benefit beside bit board boat born bottle
box brain branch bridge brother brown camera camp capital captain card care career century chain
character charge check chief church circle citizen claim clothes cloud coast coat coffee collect
college color compare complete concern condition consider contain continue control corn count
couple course cover create cross crowd cup current customer daughter dead deal death decide
decision define degree demand depend describe design desk detail develop development device dinner
direct direction discover discuss disease distance divide dress drop dust duty ear economy
education effort egg eight election electric element eleven enemy energy engine enjoy enter entire
environment equal event evidence evil exact exist expect experience explain express eye factor
fail fair farm fast fear fight fill film finger finish fish fit five fix flat floor flow focus
follow foot force foreign forest forget forward four future game gas gate gather glad glass goal
god gold grand gray guard guess guest gun habit hair hall hang happen harbor hat hate hill hope
horse hotel hundred hunt husband ice image imagine include increase indeed industry influence
instance instead iron issue item join joy judge jury key kill king kitchen knee knife lady lake
lead leader leaf leave leg length lesson library lift likely limit lip list listen live load local
lonely lord lose loss lost lot loud low lunch magic main manage manner map mark marry master match
material matter meal mean measure meat member memory mention message metal method military million
mine miss mistake mix modern mouth movement movie murder museum neck neighbor nerve nest network
news newspaper nine noise none nor nose note notice object observe occur ocean offer office
officer oil operation opinion opportunity option orange ordinary original owner pain paint pair
palace pale park party pass past path pattern pause perfect perform period person phone photo pick
picture plan plane planet plant plate please pleasure pocket poem poet policy popular population
position possess pot pound practice prepare present president press prevent prince princess print
prison private produce product production professor profit project promise proper property protect
prove provide pull purpose push queen quiet race radio raise range rate rather reach reader
receive record reduce refuse region regular relation remain remember remove repeat reply report
require research respect rest return reveal ring risk rock role roll roof root rough round row
royal rub safe sail salt sand save scale scene score search season seat secret seed self sense
sentence separate series serious serve service seven shade shadow shake shape share sharp sheep
sheet shell shelter shine ship shirt shoe shoot shop shore shoulder shout shut sick sight sign
signal silence silver similar sister site six size skill skin slave slight smell smoke smooth soil
soldier solid solution solve son sound source spend spirit spot spread spring square staff stage
station stay steal steel step stick store storm straight strange stranger stream strength stretch
strike string structure student style subject succeed success sudden suddenly suffer sugar suggest
suit summer supply support suppose surface surprise sweep sword symbol tail task taste tax tea
team tear teeth television temper ten term terrible theory thick thin thing third thousand thread
threat throat tie tiger tight tiny tire tired title tone tongue tool tooth total touch tour tower
track trade train travel treat treasure trip trouble truck trust twelve twenty twice twin uncle
understand union unit university usual valley various village violence visit voice vote wagon warn
wash waste wave weapon wear weather weave weaving weft warp wedding weight welcome wheat wheel
whisper wife wild win wine wing winter wire wish witness wolf woman women wonder wonderful worker
worry worth wound wrap wrong yard yellow zero
)";
}

}  // namespace weft::synth
